// GitHub's device flow, `GET /user` and a call; then both again, once the test has spoken. GATEWAY says
// where, CLIENT_ID who asks.
import { createOAuthDeviceAuth } from '@octokit/auth-oauth-device'
import { request } from '@octokit/request'
import { createInterface } from 'node:readline'

const { GATEWAY, CLIENT_ID } = process.env
const heard = createInterface(process.stdin)[Symbol.asyncIterator]()
const say = (value) => console.log(JSON.stringify(value))

// After each poll it says what the answer was, and waits until it is heard.
const watched = async (url, options) => {
  const response = await fetch(url, options)
  if (url.endsWith('/login/oauth/access_token')) {
    const { error = null } = await response.clone().json()
    say({ polled: [response.status, error] })
    await heard.next()
  }
  return response
}
const github = request.defaults({ baseUrl: GATEWAY, request: { fetch: watched } })
const auth = createOAuthDeviceAuth({
  clientType: 'oauth-app',
  clientId: CLIENT_ID,
  scopes: ['inference', 'images'],
  request: github,
  onVerification: say,
})
try {
  const { token, tokenType, scopes } = await auth({ type: 'oauth' })
  const bearer = github.defaults({ headers: { authorization: `Bearer ${token}` } })
  const ask = (route) => bearer(route).then((answer) => answer.status, (error) => [error.status, error.message])
  const { data, headers } = await bearer('GET /user')
  say({ tokenType, scopes, login: data.login, may: headers['x-oauth-scopes'], answered: await ask('GET /v1/models') })
  await heard.next()
  say([await ask('GET /user'), await ask('GET /v1/models')])
} catch (error) {
  if (!error.response) throw error
  say({ refused: error.response.data.error, status: error.status, message: error.message })
}
