/* What the page does beyond Gradio: light or dark, and copying. No state, no request. */
(function () {
  "use strict";
  var THEME = "book-theme";

  function setDark(dark) {
    document.body.classList.toggle("dark", dark);
    document.documentElement.style.colorScheme = dark ? "dark" : "light";
  }

  function chosenTheme() {
    try { return localStorage.getItem(THEME); } catch (_) { return null; }
  }

  function toggleTheme() {
    var dark = !document.body.classList.contains("dark");
    setDark(dark);
    try { localStorage.setItem(THEME, dark ? "dark" : "light"); } catch (_) { /* private mode */ }
  }

  function copy(text, button) {
    function done() {
      var label = button.textContent;
      button.textContent = "Copied";
      button.disabled = true;
      setTimeout(function () { button.textContent = label; button.disabled = false; }, 1400);
    }
    function byHand() {
      var area = document.createElement("textarea");
      area.value = text;
      area.style.position = "fixed";
      area.style.opacity = "0";
      document.body.appendChild(area);
      area.select();
      if (document.execCommand("copy")) done();
      area.remove();
    }
    // In the frame of a Space the clipboard may be closed to scripts.
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, byHand);
    else byHand();
  }

  function answerOf(button) {
    var part = button.closest(".message-row").querySelector(".md:not(:has(.ba-foot))");
    return part ? part.innerText.trim() : "";
  }

  function askAgain(button) {
    // Gradio's own button has the event; it is out of sight.
    var retry = button.closest(".message-row").querySelector(".message-buttons button[title='Retry']");
    if (retry) retry.click();
  }

  document.addEventListener("click", function (event) {
    var button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("ba-theme")) toggleTheme();
    else if (button.classList.contains("ba-copy-answer")) copy(answerOf(button), button);
    else if (button.classList.contains("ba-retry")) askAgain(button);
    else if (button.id === "ba-copy-report") {
      var report = document.querySelector(".ba-markdown");
      if (report) copy(report.textContent, button);
    }
  });

  // A new question goes to the top of the view; its answer is read from its beginning.
  new MutationObserver(function (changes) {
    changes.forEach(function (change) {
      change.addedNodes.forEach(function (node) {
        if (node.classList && node.classList.contains("user-row")) {
          setTimeout(function () { node.scrollIntoView({ block: "start" }); }, 60);
        }
      });
    });
  }).observe(document.body, { childList: true, subtree: true });

  var chosen = chosenTheme();
  if (chosen) {
    setDark(chosen === "dark");
    // Gradio sets the system's choice when it starts.
    new MutationObserver(function (_, observer) {
      if (document.body.classList.contains("dark") !== (chosenTheme() === "dark")) {
        setDark(chosenTheme() === "dark");
      }
      if (document.querySelector("#ba-header header")) observer.disconnect();
    }).observe(document.body, { attributes: true, childList: true, subtree: true });
  }
})();
