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
