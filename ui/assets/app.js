/* What the page does beyond Gradio: light or dark, copying, tabs in the address, passages beside the
   answer, buttons of our own HTML (see ui/bridge.py), uploads. */
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

  // A button of our own HTML: its value goes into the field that its first word names.
  function act(value) {
    var place = document.getElementById("ba-do-" + value.split(" ")[0]);
    var field = place && place.querySelector("textarea, input");
    if (!field) return;
    var kind = field.tagName === "INPUT" ? HTMLInputElement : HTMLTextAreaElement;
    Object.getOwnPropertyDescriptor(kind.prototype, "value").set.call(field, value + " #" + Date.now());
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  // A cited number opens its passage beside the answer, on a phone below it.
  var opener = null;

  function aside() {
    var panel = document.getElementById("ba-aside");
    if (panel) return panel;
    panel = document.createElement("aside");
    panel.id = "ba-aside";
    panel.tabIndex = -1;
    panel.setAttribute("aria-label", "Cited passage");
    panel.innerHTML = '<div class="ba-aside-head"><b></b><button type="button" class="ba-quiet ba-close">' +
      'Close</button></div><div class="ba-aside-body"></div>';
    (document.querySelector(".gradio-container") || document.body).appendChild(panel);
    return panel;
  }

  function closeAside() {
    var panel = document.getElementById("ba-aside");
    if (!panel || panel.hidden) return;
    panel.hidden = true;
    document.body.classList.remove("ba-aside-open");
    if (opener && opener.isConnected) opener.focus();
  }

  function openPassage(mark) {
    var row = mark.closest(".message-row"), number = mark.textContent.trim();
    var found = Array.prototype.find.call(row.querySelectorAll(".ba-sources li"), function (item) {
      return item.querySelector(".ba-n").textContent.trim() === number;
    });
    if (!found) return false;
    var panel = aside(), body = panel.querySelector(".ba-aside-body");
    panel.querySelector(".ba-aside-head b").textContent = "Source " + number;
    body.replaceChildren(
      found.querySelector(".ba-where").cloneNode(true), found.querySelector(".ba-passage").cloneNode(true));
    panel.hidden = false;
    opener = mark;
    document.body.classList.add("ba-aside-open");
    panel.focus({ preventScroll: true });
    var quote = body.querySelector("mark");
    if (quote) quote.scrollIntoView({ block: "center" });
    return true;
  }

  // ?tab= names the open tab.
  function tabNamed(name) {
    return /^[a-z]+$/.test(name || "") && document.getElementById("ba-tab-" + name + "-button");
  }

  function rememberTab(button) {
    var name = (/^ba-tab-([a-z]+)-button$/.exec(button.id) || [])[1];
    if (!name) return;
    closeAside();
    var address = new URL(location.href);
    if (address.searchParams.get("tab") === name) return;
    address.searchParams.set("tab", name);
    history.replaceState(history.state, "", address);
  }

  var wanted = new URLSearchParams(location.search).get("tab");

  function openWantedTab() {
    var button = tabNamed(wanted);
    if (!button) return;
    wanted = null;
    if (button.getAttribute("aria-selected") !== "true") button.click();
  }

  function openLinkedTab(link) {
    var found = /^\?tab=([a-z]+)$/.exec(link.getAttribute("href") || "");
    var button = found && tabNamed(found[1]);
    if (button) button.click();
    return Boolean(button);
  }

  function download(button) {
    var holder = document.getElementById(button.value);
    if (!holder) return;
    var link = document.createElement("a");
    // The mark makes spreadsheets read it as UTF-8.
    link.href = URL.createObjectURL(new Blob(["\ufeff" + holder.textContent], { type: "text/csv" }));
    link.download = holder.title || "export.csv";
    link.click();
    setTimeout(function () { URL.revokeObjectURL(link.href); }, 1000);
  }

  function upload(form) {
    var said = form.querySelector(".ba-said"), button = form.querySelector("button");
    function say(words, kind) { said.textContent = words; said.className = "ba-said " + kind; }
    var data = new FormData(form);
    if (!form.querySelector("input[type=file]").files.length) return say("Choose a file first.", "ba-bad");
    button.disabled = true;
    say("Uploading", "ba-wait");
    // The page is /admin/; the API is beside it, wherever a proxy has put both.
    fetch("../api/documents", { method: "POST", body: data, credentials: "same-origin" })
      .then(function (answer) { return answer.json().then(function (body) { return [answer.ok, body]; }); })
      .then(function (found) {
        if (!found[0]) return say(found[1].detail || "That was not taken.", "ba-bad");
        var names = found[1].documents.length;
        say(names + (names === 1 ? " file is" : " files are") + " stored and being ingested.", "ba-good");
        form.reset();
        act("follow " + found[1].job_id);
      })
      .catch(function () { say("The upload did not arrive; try again.", "ba-bad"); })
      .finally(function () { button.disabled = false; });
  }

  document.addEventListener("submit", function (event) {
    if (event.target.classList.contains("ba-upload")) { event.preventDefault(); upload(event.target); }
  });

  document.addEventListener("keydown", function (event) {
    if (event.key === "Escape") closeAside();
  });

  document.addEventListener("click", function (event) {
    var mark = event.target.closest(".ba-cite > *");
    if (mark && !event.ctrlKey && !event.metaKey && !event.shiftKey && openPassage(mark)) {
      event.preventDefault();
      return;
    }
    var link = event.target.closest("a");
    if (link && !event.ctrlKey && !event.metaKey && !event.shiftKey && openLinkedTab(link)) {
      event.preventDefault();
      return;
    }
    var button = event.target.closest("button");
    if (!button) return;
    if (button.classList.contains("ba-theme")) toggleTheme();
    else if (button.classList.contains("ba-close")) closeAside();
    else if (button.classList.contains("ba-copy-answer")) copy(answerOf(button), button);
    else if (button.classList.contains("ba-act")) act(button.value);
    else if (button.classList.contains("ba-download")) download(button);
    else if (button.getAttribute("role") === "tab") rememberTab(button);
    else if (button.id === "ba-copy-report") {
      var report = document.querySelector(".ba-markdown");
      if (report) copy(report.textContent, button);
    }
  });

  // Gradio reads a whole message out as the name of its box, and fixes every text left to right.
  function mend(row) {
    row.querySelectorAll("[data-testid=bot], [data-testid=user]").forEach(function (box) {
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", box.dataset.testid === "bot" ? "Answer" : "Question");
    });
    row.querySelectorAll(".message-content > .md, .message-content .md").forEach(function (part) {
      if (!part.querySelector(".ba-foot")) part.dir = "auto";
    });
  }

  // What was said stays over a reload: the server has it, this tab knows the key.
  var resumed = false;

  function resume() {
    if (resumed || !document.querySelector("#ba-do-resume :is(textarea, input)")) return;
    resumed = true;
    var key;
    try {
      key = sessionStorage.getItem("book-conversation") || crypto.randomUUID();
      sessionStorage.setItem("book-conversation", key);
    } catch (_) { return; } // a frame that may store nothing, or no secure address
    act("resume " + key);
  }

  // A new question goes to the top of the view; its answer is read from its beginning.
  new MutationObserver(function (changes) {
    if (wanted) openWantedTab();
    if (!resumed) resume();
    changes.forEach(function (change) {
      var row = change.target.closest && change.target.closest(".message-row");
      if (row) mend(row);
      change.addedNodes.forEach(function (node) {
        if (!node.classList) return;
        if (node.classList.contains("message-row")) mend(node);
        if (node.classList.contains("user-row")) {
          closeAside();
          setTimeout(function () { node.scrollIntoView({ block: "start" }); }, 60);
        }
      });
    });
  }).observe(document.body, { childList: true, subtree: true });

  // Gradio calls its example buttons a list, which has no items then.
  new MutationObserver(function () {
    document.querySelectorAll("#ba-chat .examples[role=list]").forEach(function (box) {
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", "Questions to begin with");
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
