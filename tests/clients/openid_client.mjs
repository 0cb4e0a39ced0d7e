// openid-client, a certified relying party, against our authorization server; a person's browser is played by fetch.
import * as oidc from "openid-client";

const { address, login, password, backend, jwk } = JSON.parse(process.argv[2]);
const insecure = { execute: [oidc.allowInsecureRequests] }; // plain HTTP on loopback
const back = "http://127.0.0.1:9/back";
const jar = new Map();
const said = {};

async function browse(url, form) {
  const answer = await fetch(new URL(url, address), {
    redirect: "manual",
    method: form ? "POST" : "GET",
    headers: { cookie: [...jar].map(([name, value]) => `${name}=${value}`).join("; ") },
    body: form && new URLSearchParams(form),
  });
  for (const cookie of answer.headers.getSetCookie()) {
    const [, name, value] = cookie.match(/^([^=]+)=([^;]*)/);
    jar.set(name, value);
  }
  return answer;
}

const csrf = (page) => page.match(/name="csrf_token" value="([^"]+)"/)[1];

async function refusal(promise) {
  try {
    await promise;
  } catch (error) {
    return error.error ?? error.cause?.error ?? error.code ?? String(error);
  }
  return null;
}

// A person signs in to a public application.
const app = await oidc.discovery(new URL(address), "app", undefined, oidc.None(), insecure);
said.methods = app.serverMetadata().code_challenge_methods_supported;
const verifier = oidc.randomPKCECodeVerifier();
const state = oidc.randomState();
const nonce = oidc.randomNonce();
const asked = oidc.buildAuthorizationUrl(app, {
  redirect_uri: back,
  scope: "openid fhirUser offline_access user/*.rs",
  code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
  code_challenge_method: "S256",
  state,
  nonce,
});
const sent = await browse(asked);
said.first = sent.status;
const page = await (await browse(sent.headers.get("location"))).text();
await browse("/sign-in", { login, password, csrf_token: csrf(page), next: asked.pathname + asked.search });
const question = await (await browse(asked)).text();
said.asks = question.includes("Beispiel-App");
const answered = await browse(asked, { csrf_token: csrf(question), decision: "allow" });
const arrived = new URL(answered.headers.get("location"));

const checks = { pkceCodeVerifier: verifier, expectedState: state, expectedNonce: nonce, idTokenExpected: true };
const tokens = await oidc.authorizationCodeGrant(app, arrived, checks);
said.claims = tokens.claims();
said.scope = tokens.scope;
said.user = await oidc.fetchUserInfo(app, tokens.access_token, said.claims.sub);

const read = async (config, token, path) =>
  (await oidc.fetchProtectedResource(config, token, new URL(path, address), "GET")).status;
said.read = await read(app, tokens.access_token, "/fhir/Slot?_count=1");

const renewed = await oidc.refreshTokenGrant(app, tokens.refresh_token);
said.renewed = await read(app, renewed.access_token, "/fhir/Slot?_count=1");
said.reused = await refusal(oidc.refreshTokenGrant(app, tokens.refresh_token));
said.family = await refusal(oidc.refreshTokenGrant(app, renewed.refresh_token));
said.replayed = await refusal(oidc.authorizationCodeGrant(app, arrived, checks));
said.revoked = await refusal(oidc.tokenRevocation(app, tokens.access_token));

// A system proves itself with a key (SMART Backend Services).
const key = await crypto.subtle.importKey("jwk", jwk, { name: "ECDSA", namedCurve: "P-384" }, false, ["sign"]);
const proof = oidc.PrivateKeyJwt({ key, kid: jwk.kid });
const system = await oidc.discovery(new URL(address), backend, undefined, proof, insecure);
const own = await oidc.clientCredentialsGrant(system, { scope: "system/*.rs" });
said.own = { scope: own.scope, read: await read(system, own.access_token, "/fhir/Slot?_count=1") };
said.introspected = await oidc.tokenIntrospection(system, own.access_token);
said.widened = await refusal(oidc.clientCredentialsGrant(system, { scope: "user/*.cruds" }));

console.log(JSON.stringify(said));
