// The device grant (RFC 8628), a refresh, two calls. GATEWAY says where, and DISCOVER whether to find
// the rest (RFC 8414); CLIENT_ID and CLIENT_SECRET, if it has one, who asks; RESOURCE for which part
// alone (RFC 8707), if not for all.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const { GATEWAY, DISCOVER, CLIENT_ID, CLIENT_SECRET, RESOURCE } = process.env
const heard = createInterface(process.stdin)[Symbol.asyncIterator]()
const say = (value) => console.log(JSON.stringify(value))

const server = {
  issuer: GATEWAY,
  device_authorization_endpoint: `${GATEWAY}/auth/device/code`,
  token_endpoint: `${GATEWAY}/auth/device/token`,
}
const authentication = CLIENT_SECRET ? client.ClientSecretBasic(CLIENT_SECRET) : client.None()
// Plain HTTP, which on the same machine is fine.
const how = { algorithm: 'oauth2', execute: [client.allowInsecureRequests] }
const config = DISCOVER
  ? await client.discovery(new URL(GATEWAY), CLIENT_ID, {}, authentication, how)
  : new client.Configuration(server, CLIENT_ID, {}, authentication)
client.allowInsecureRequests(config)

const codes = await client.initiateDeviceAuthorization(config, { scope: 'inference', ...(RESOURCE && { resource: RESOURCE }) })
say({ open: codes.verification_uri_complete, user_code: codes.user_code })

// After each poll it says what the answer was, and waits until it is heard.
config[client.customFetch] = async (...request) => {
  const response = await fetch(...request)
  say({ polled: response.status })
  await heard.next()
  return response
}
try {
  const tokens = await client.pollDeviceAuthorizationGrant(config, codes)
  config[client.customFetch] = fetch
  const refreshed = await client.refreshTokenGrant(config, tokens.refresh_token)
  const answered = []
  for (const path of ['/v1/models', '/v2/models']) {
    const call = new URL(path, GATEWAY)
    const ask = client.fetchProtectedResource(config, refreshed.access_token, call, 'GET')
    answered.push(await ask.then((answer) => answer.status, (error) => error.status))
  }
  say({
    scope: tokens.scope,
    expires_in: tokens.expires_in,
    renewed: refreshed.access_token !== tokens.access_token && refreshed.refresh_token !== tokens.refresh_token,
    answered,
  })
} catch (error) {
  if (!(error instanceof client.ResponseBodyError)) throw error
  say({ refused: error.error })
}
