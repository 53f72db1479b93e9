"""The look in Gradio's own terms; what its variables cannot say stands in ``assets/*.css``.

Paper and ink, one accent, system fonts: nothing is fetched. The colours are those of
``assets/base.css``.
"""

from __future__ import annotations

import gradio as gr

SANS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Noto Sans", "sans-serif")
MONO = ("ui-monospace", "SF Mono", "Menlo", "Consolas", "monospace")

_TEAL = gr.themes.Color(
    c50="#effaf8", c100="#d8f3ee", c200="#b3e6de", c300="#83d3c8", c400="#4bb8ac", c500="#229c90",
    c600="#0f766e", c700="#0d635d", c800="#0f4f4b", c900="#10423f", c950="#042826", name="teal",
)  # fmt: skip
_PAPER = gr.themes.Color(
    c50="#faf9f6", c100="#f3f1eb", c200="#e5e1d8", c300="#d2cdc1", c400="#a8a49c", c500="#7b766c",
    c600="#5f5a52", c700="#45413b", c800="#2a2826", c900="#1c1e20", c950="#141516", name="paper",
)  # fmt: skip


def build_theme() -> gr.themes.Base:
    """The one theme, light and dark."""
    theme = gr.themes.Base(
        primary_hue=_TEAL,
        secondary_hue=_TEAL,
        neutral_hue=_PAPER,
        radius_size=gr.themes.sizes.radius_lg,
        text_size=gr.themes.sizes.text_md,
        font=[gr.themes.Font(name) for name in SANS],
        font_mono=[gr.themes.Font(name) for name in MONO],
    )
    return theme.set(
        body_background_fill="#faf9f6",
        body_background_fill_dark="#141516",
        body_text_color="#1d1b18",
        body_text_color_dark="#ecebe8",
        body_text_color_subdued="#5f5a52",
        body_text_color_subdued_dark="#a8a49c",
        background_fill_primary="#ffffff",
        background_fill_primary_dark="#1c1e20",
        background_fill_secondary="#f3f1eb",
        background_fill_secondary_dark="#232628",
        block_background_fill="#ffffff",
        block_background_fill_dark="#1c1e20",
        border_color_primary="#e5e1d8",
        border_color_primary_dark="#33363a",
        border_color_accent="#0f766e",
        border_color_accent_dark="#5ccfc2",
        color_accent="#0f766e",
        link_text_color="#0d635d",
        link_text_color_dark="#5ccfc2",
        link_text_color_hover="#10423f",
        link_text_color_hover_dark="#83d3c8",
        button_primary_background_fill="#0f766e",
        button_primary_background_fill_hover="#0d635d",
        button_primary_background_fill_dark="#5ccfc2",
        button_primary_background_fill_hover_dark="#83d3c8",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#06221f",
        button_secondary_background_fill="#ffffff",
        button_secondary_background_fill_dark="#232628",
        button_secondary_background_fill_hover="#f3f1eb",
        button_secondary_background_fill_hover_dark="#2b2f32",
        button_secondary_border_color="#d2cdc1",
        button_secondary_border_color_dark="#45484c",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1c1e20",
        input_border_width="1px",
        input_border_color="#8a8479",
        input_border_color_dark="#75777a",
        input_placeholder_color="#6b665d",
        input_placeholder_color_dark="#a8a49c",
    )
