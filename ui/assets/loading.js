(function poll() {
  setTimeout(function () {
    fetch("status", { cache: "no-store", credentials: "same-origin" })
      .then(function (answer) { return answer.json(); })
      .then(function (now) { if (now.state === "loading") poll(); else location.reload(); })
      .catch(poll);
  }, 600);
})();
