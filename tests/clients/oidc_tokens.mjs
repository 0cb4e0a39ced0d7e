// oidc-provider as the issuer of access tokens for our FHIR server: a system gets them by client_credentials.
import http from "node:http";
import Provider from "oidc-provider";

const { claims, audience } = JSON.parse(process.argv[2]);
let provider;
const server = http.createServer((request, response) => provider.callback()(request, response));
server.listen(0, "127.0.0.1", () => {
  const issuer = `http://127.0.0.1:${server.address().port}`;
  provider = new Provider(issuer, {
    clients: [
      {
        client_id: "clinic",
        client_secret: "a secret of nobody",
        grant_types: ["client_credentials"],
        redirect_uris: [],
        response_types: [],
        token_endpoint_auth_method: "client_secret_post",
      },
    ],
    scopes: ["system/Slot.rs", "api.read"],
    extraTokenClaims: () => claims,
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        getResourceServerInfo: () => ({
          scope: "system/Slot.rs api.read",
          audience,
          accessTokenFormat: "jwt",
          jwt: { sign: { alg: "RS256" } },
        }),
      },
    },
    cookies: { keys: ["of nobody"] },
    ttl: { ClientCredentials: 600 },
  });
  console.log(issuer);
});
