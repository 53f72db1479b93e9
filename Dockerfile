# Hugging Face Space (Docker SDK), or any container host. No secret is needed to build it.

FROM python:3.11-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
RUN python -m venv /opt/venv
COPY requirements.txt ./
# Bytecode is made here because the process that serves may not write it. "unchecked" because layers
# change file times, and a source file in a finished image does not change. The packages' own tests
# (pandas' alone are 46 MB), pip, and Gradio's server-side renderer, which needs Node, are left out.
RUN /opt/venv/bin/pip install --no-compile -r requirements.txt \
 && /opt/venv/bin/pip uninstall -y -q setuptools pip \
 && cd /opt/venv/lib/python3.11/site-packages \
 && rm -rf pandas/tests gradio/templates/node \
 && find numpy -type d -name tests -prune -exec rm -rf {} + \
 && python -m compileall -q -j 0 --invalidation-mode unchecked-hash .
WORKDIR /app
COPY app.py LICENSE ./
COPY backend backend
COPY ui ui
RUN python -m compileall -q --invalidation-mode unchecked-hash .
COPY docs docs

FROM python:3.11-slim
# A Space runs as this user; /app/data is where the embedded stores go when no volume is mounted.
RUN useradd --create-home --uid 1000 reader \
 && install -d -o reader -g reader /app/data
COPY --from=build /opt/venv /opt/venv
COPY --from=build /app /app
WORKDIR /app
USER 1000
ENV PATH=/opt/venv/bin:$PATH HOME=/home/reader PYTHONUNBUFFERED=1 PORT=7860
EXPOSE 7860
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.build_opener(r.ProxyHandler({})).open(f\"http://127.0.0.1:{os.environ.get('PORT') or 7860}/health\", timeout=4)"]
# The shell only turns a blank PORT into the Hub's; exec hands its place, and SIGTERM, to Python.
CMD ["sh", "-c", "PORT=${PORT:-7860} exec python app.py"]
