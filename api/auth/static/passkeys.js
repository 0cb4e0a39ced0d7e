// Passkeys are the one thing that a page cannot do without a script.
"use strict";

async function send(address, token, body) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-CSRF-Token": token },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(said.detail);
  return said;
}

function prepare(id, work) {
  const form = document.getElementById(id);
  if (form === null || !window.PublicKeyCredential?.parseRequestOptionsFromJSON) return;
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const alert = form.querySelector('[role="alert"]');
    alert.textContent = "";
    if (/^[\d.]+$|:/.test(location.hostname)) {
      alert.textContent = form.dataset.address;
      return;
    }
    try {
      location.assign(await work(form));
    } catch {
      alert.textContent = form.dataset.failed;
    }
  });
}

prepare("passkey", async (form) => {
  const token = form.dataset.csrf;
  const asked = await send("/sign-in/passkey/challenge", token, { next: form.dataset.next });
  const credential = await navigator.credentials.get({
    publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(asked),
  });
  return (await send("/sign-in/passkey", token, credential.toJSON())).next;
});

prepare("new-passkey", async (form) => {
  const token = form.dataset.csrf;
  const fields = new FormData(form);
  const asked = await send("/account/passkeys/challenge", token, { password: fields.get("password") });
  const credential = await navigator.credentials.create({
    publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(asked),
  });
  const answer = { name: fields.get("name"), credential: credential.toJSON() };
  return (await send("/account/passkeys", token, answer)).next;
});
