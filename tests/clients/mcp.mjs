// An MCP client that knows the server's address alone, in SERVER: it is turned away, registers
// itself (RFC 7591), has its user asked, and uses a tool; again after each line that it is told.
import { Client } from '@modelcontextprotocol/sdk/client/index.js'
import { UnauthorizedError } from '@modelcontextprotocol/sdk/client/auth.js'
import { StreamableHTTPClientTransport } from '@modelcontextprotocol/sdk/client/streamableHttp.js'
import { createServer } from 'node:http'
import { once } from 'node:events'
import { createInterface } from 'node:readline'

const say = (value) => console.log(JSON.stringify(value))

// Where the browser comes back to.
const listener = createServer((request, response) => {
  response.setHeader('content-type', 'text/html').end('<title>Back</title><h1>Back in the app</h1>')
  if (request.url.startsWith('/callback?')) listener.emit('back', request.url)
}).listen(0, '127.0.0.1')
await once(listener, 'listening')
const redirectUrl = `http://127.0.0.1:${listener.address().port}/callback`

// What the library asks to be kept.
const kept = {}
const authProvider = {
  redirectUrl,
  clientMetadata: {
    client_name: 'Assistant',
    redirect_uris: [redirectUrl],
    grant_types: ['authorization_code', 'refresh_token'],
    token_endpoint_auth_method: 'none',
  },
  state: () => (kept.state = crypto.randomUUID()),
  clientInformation: () => kept.client,
  saveClientInformation: (information) => void (kept.client = information),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  codeVerifier: () => kept.verifier,
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  redirectToAuthorization: (url) => say({ open: url.href }),
}

const connect = async () => {
  const client = new Client({ name: 'assistant', version: '1.0.0' })
  const transport = new StreamableHTTPClientTransport(new URL(process.env.SERVER), { authProvider })
  return { client, transport, failed: await client.connect(transport).catch((error) => error) }
}

const back = once(listener, 'back')
const { transport, failed } = await connect()
if (!(failed instanceof UnauthorizedError)) throw failed ?? new Error('nobody was asked')
const answer = new URL((await back)[0], redirectUrl).searchParams
listener.close()
if (answer.get('state') !== kept.state) throw new Error('another answer')
await transport.finishAuth(answer.get('code'))

const { client, failed: still } = await connect()
if (still) throw still
const use = async () => {
  const before = kept.tokens.access_token
  const { content } = await client.callTool({ name: 'knock', arguments: {} })
  say({ said: content[0].text, scope: kept.tokens.scope, renewed: kept.tokens.access_token !== before })
}
await use()
for await (const _ of createInterface(process.stdin)) await use()
await client.close()
listener.closeAllConnections()
