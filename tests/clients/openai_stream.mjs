// Says each piece of a streamed answer as it comes, and how the stream ended.
import OpenAI from 'openai'

const say = (value) => console.log(JSON.stringify(value))
const messages = [{ role: 'user', content: 'Tell me a story.' }]
try {
  const stream = await new OpenAI({ maxRetries: 0 }).chat.completions.create({ model: 'any', messages, stream: true })
  for await (const chunk of stream) say(chunk.choices[0].delta.content)
  say('the end')
} catch (error) {
  say({ raised: error.constructor.name, code: error.code ?? null })
}
