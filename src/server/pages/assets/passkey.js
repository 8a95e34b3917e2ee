// Has the browser make and use passkeys (w3.org/TR/webauthn-3). The forms say what is to be signed, and carry what the
// authenticator says; where this does not run they stay hidden.
"use strict";

const bytes = text => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), it => it.charCodeAt(0));
const utf8 = text => new TextEncoder().encode(text);
const base64url = buffer => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");

async function use({ challenge, rp }) {
  const publicKey = { challenge: utf8(challenge), rpId: rp, userVerification: "required" };
  const { id, response } = await navigator.credentials.get({ publicKey });
  return {
    id,
    user: base64url(response.userHandle ?? []),
    client_data: base64url(response.clientDataJSON),
    authenticator_data: base64url(response.authenticatorData),
    signature: base64url(response.signature),
  };
}

async function make({ challenge, rp, user, username, name, known }) {
  const publicKey = {
    challenge: utf8(challenge),
    rp: { id: rp, name: "MediSync" },
    user: { id: utf8(user), name: username, displayName: name },
    // ES256, EdDSA, RS256
    pubKeyCredParams: [-7, -8, -257].map(alg => ({ type: "public-key", alg })),
    authenticatorSelection: { residentKey: "required", userVerification: "required" },
    excludeCredentials: known.split(" ").filter(Boolean).map(id => ({ type: "public-key", id: bytes(id) })),
    attestation: "none",
  };
  const { response } = await navigator.credentials.create({ publicKey });
  return { client_data: base64url(response.clientDataJSON), attestation: base64url(response.attestationObject) };
}

async function complete(form) {
  const problem = form.querySelector("[role=alert]");
  problem.hidden = true;
  const isNew = form.dataset.passkey === "make";
  try {
    const said = await (isNew ? make : use)(form.dataset);
    for (const [name, value] of Object.entries(said)) form.querySelector(`[name=${name}]`).value = value;
  } catch (error) {
    const isKnown = error.name === "InvalidStateError";
    problem.textContent = isKnown ? "This device has a passkey of yours already." : "No passkey was taken. Try again, or go another way.";
    problem.hidden = false;
    return;
  }
  form.submit();
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.hidden = false;
  form.addEventListener("submit", event => {
    event.preventDefault();
    complete(form);
  });
}
