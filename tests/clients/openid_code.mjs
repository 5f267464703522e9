// Discovery (RFC 8414), the authorization code grant with PKCE, a call; then, where the client may,
// introspection (RFC 7662), a refresh and a revocation, or what a signed token says (RFC 9068).
// ISSUER says where; CLIENT_ID who asks; RESOURCE_SERVER_ID and RESOURCE_SERVER_SECRET who
// introspects; ALGORITHM how tokens are signed, and NOW what time it is, in seconds.
import * as client from 'openid-client'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { createServer } from 'node:http'
import { once } from 'node:events'

const { ISSUER, CLIENT_ID, RESOURCE_SERVER_ID, RESOURCE_SERVER_SECRET, ALGORITHM, NOW } = process.env
const say = (value) => console.log(JSON.stringify(value))
// OAuth 2.0 alone, without OpenID Connect; and plain HTTP, which on the same machine is fine.
const how = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
const discover = (id, authentication) => client.discovery(new URL(ISSUER), id, {}, authentication, how)

// Where the browser comes back to.
const listener = createServer((request, response) => {
  response.setHeader('content-type', 'text/html').end('<title>Back</title><h1>Back in the app</h1>')
  if (request.url.startsWith('/callback?')) listener.emit('back', request.url)
}).listen(0, '127.0.0.1')
await once(listener, 'listening')
const here = `http://127.0.0.1:${listener.address().port}`

const config = await discover(CLIENT_ID, client.None())
const pkceCodeVerifier = client.randomPKCECodeVerifier()
const expectedState = client.randomState()
const url = client.buildAuthorizationUrl(config, {
  redirect_uri: `${here}/callback`,
  scope: 'inference',
  code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
  code_challenge_method: 'S256',
  state: expectedState,
})
const back = once(listener, 'back')
say({ open: url.href })
const [path] = await back

const ask = async (token) => (await client.fetchProtectedResource(config, token, new URL('/v1/models', ISSUER), 'GET')).status

// What the token says, once the published keys have verified it.
async function signed(token) {
  const keys = createRemoteJWKSet(new URL(config.serverMetadata().jwks_uri))
  const currentDate = new Date(NOW * 1000)
  const expected = { issuer: ISSUER, audience: ISSUER, typ: 'at+jwt', algorithms: [ALGORITHM], currentDate }
  const { client_id, scope, iat, exp } = (await jwtVerify(token, keys, expected)).payload
  return { client_id, scope, lives: exp - iat }
}

async function introspectedRefreshedRevoked(tokens) {
  const server = await discover(RESOURCE_SERVER_ID, client.ClientSecretBasic(RESOURCE_SERVER_SECRET))
  const { active, client_id, username, scope, token_type } = await client.tokenIntrospection(server, tokens.access_token)
  const second = await client.refreshTokenGrant(config, tokens.refresh_token)
  const renewed = second.access_token !== tokens.access_token && second.refresh_token !== tokens.refresh_token
  const before = (await client.tokenIntrospection(server, second.access_token)).active
  await client.tokenRevocation(config, second.refresh_token)
  const after = (await client.tokenIntrospection(server, second.access_token)).active
  return { introspected: { active, client_id, username, scope, token_type }, renewed, active: [before, after] }
}

try {
  // It compares the state and, since the metadata promise one, `iss` (RFC 9207).
  const tokens = await client.authorizationCodeGrant(config, new URL(path, here), { pkceCodeVerifier, expectedState })
  const seen = {
    promises_iss: config.serverMetadata().authorization_response_iss_parameter_supported,
    scope: tokens.scope,
    answered: await ask(tokens.access_token),
  }
  if (ALGORITHM) seen.signed = await signed(tokens.access_token)
  if (RESOURCE_SERVER_ID) Object.assign(seen, await introspectedRefreshedRevoked(tokens))
  say(seen)
} catch (error) {
  if (!(error instanceof client.AuthorizationResponseError)) throw error
  say({ refused: error.error })
} finally {
  listener.close()
  listener.closeAllConnections()
}
