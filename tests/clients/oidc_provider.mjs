// A sign-in provider that others wrote, for our pages: whoever comes is signed in as the person of the arguments.
import http from "node:http";
import Provider from "oidc-provider";

const { redirect, afterwards, claims, acr, algorithm = "RS256" } = JSON.parse(process.argv[2]);
let provider;
const server = http.createServer(async (request, response) => {
  if (!request.url.startsWith("/interaction/")) return provider.callback()(request, response);
  const { params, prompt, session } = await provider.interactionDetails(request, response);
  const result = {};
  if (prompt.name === "login") result.login = { accountId: claims.sub, acr: acr ?? undefined };
  if (prompt.name === "consent") {
    const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
    grant.addOIDCScope(params.scope);
    result.consent = { grantId: await grant.save() };
  }
  await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true });
});
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: "careapp",
        client_secret: "a secret of nobody",
        redirect_uris: [redirect],
        post_logout_redirect_uris: [afterwards],
        id_token_signed_response_alg: algorithm,
      },
    ],
    claims: { openid: ["sub", "role", "organisation", "acr"] },
    acrValues: ["two-factor"],
    findAccount: (_, id) => ({ accountId: id, claims: () => claims }),
    interactions: { url: (_, interaction) => `/interaction/${interaction.uid}` },
    features: { devInteractions: { enabled: false } },
    pkce: { required: () => true },
    cookies: { keys: ["of nobody"] },
    ttl: { Session: 600, Interaction: 600, Grant: 600, AccessToken: 600, IdToken: 600 },
  });
  console.log(issuer);
});
