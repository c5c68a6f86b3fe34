/** `banyan/testing`: what the tests of an instance are made of. Independent of the test runner. */
export { callTool, callTools, cutOff, fail, invalidJson, rateLimited, say, textOf } from './openai-answers.ts';
export type { Answer, ChatMessage, ChatRequest, ToolCallAnswer, Usage } from './openai-answers.ts';
export { simplePlayer } from './openai-players.ts';
export type { QaVerdict, ReviewVerdict, SimplePlayerOptions } from './openai-players.ts';
export { startOpenAiServer } from './openai-server.ts';
export type { OpenAiServer, OpenAiServerOptions } from './openai-server.ts';
export { promptOf } from './prompt.ts';
export type { PromptOptions } from './prompt.ts';
