// The device grant (RFC 8628), a call, a refresh. GATEWAY says where; CLIENT_ID and CLIENT_SECRET, if
// it has one, who asks.
import * as client from 'openid-client'
import { createInterface } from 'node:readline'

const { GATEWAY, CLIENT_ID, CLIENT_SECRET } = process.env
const heard = createInterface(process.stdin)[Symbol.asyncIterator]()
const say = (value) => console.log(JSON.stringify(value))

const server = {
  issuer: GATEWAY,
  device_authorization_endpoint: `${GATEWAY}/auth/device/code`,
  token_endpoint: `${GATEWAY}/auth/device/token`,
}
const authentication = CLIENT_SECRET ? client.ClientSecretBasic(CLIENT_SECRET) : client.None()
const config = new client.Configuration(server, CLIENT_ID, {}, authentication)
// Plain HTTP, which on the same machine is fine.
client.allowInsecureRequests(config)

const codes = await client.initiateDeviceAuthorization(config, { scope: 'inference' })
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
  const call = new URL('/v1/models', GATEWAY)
  const answer = await client.fetchProtectedResource(config, refreshed.access_token, call, 'GET')
  say({
    scope: tokens.scope,
    expires_in: tokens.expires_in,
    renewed: refreshed.access_token !== tokens.access_token && refreshed.refresh_token !== tokens.refresh_token,
    answered: answer.status,
  })
} catch (error) {
  if (!(error instanceof client.ResponseBodyError)) throw error
  say({ refused: error.error })
}
