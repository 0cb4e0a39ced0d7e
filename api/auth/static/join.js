// The link's secret stands in the address's fragment, which no server and no log ever sees. It is put into the
// form, which sends it in its body once somebody presses the button: whoever only looks at a link, as programs
// of mail servers do, does not use it up.
const code = document.getElementById("code");
const secret = decodeURIComponent(location.hash.slice(1));
if (code && secret) {
  code.value = secret;
  history.replaceState(null, "", location.pathname + location.search);
  document.querySelector("form button").focus();
}

// The waiting room looks whether something has changed, and only then is shown anew.
const waiting = document.querySelector("[data-state]");
if (waiting) {
  setInterval(async () => {
    const answer = await fetch("/api/join", { cache: "no-store" }).catch(() => null);
    if (answer === null || (!answer.ok && answer.status !== 403)) return;
    const seat = answer.ok ? await answer.json() : { is_waiting: false };
    if (!seat.is_waiting || seat.state !== waiting.dataset.state) location.reload();
  }, 4000);
}
