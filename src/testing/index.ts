/** `banyan/testing`: what the tests of an instance are made of. Only `describeAgent` wants a certain test runner. */
export { callTool, callTools, cutOff, fail, invalidJson, rateLimited, say, textOf } from './openai-answers.ts';
export type { Answer, ChatMessage, ChatRequest, ToolCallAnswer, Usage } from './openai-answers.ts';
export { simplePlayer } from './openai-players.ts';
export type { QaVerdict, ReviewVerdict, SimplePlayerOptions } from './openai-players.ts';
export { startOpenAiServer } from './openai-server.ts';
export type { OpenAiServer, OpenAiServerOptions } from './openai-server.ts';
export { agentContract } from './contract.ts';
export type { AgentCheck, ContractOptions } from './contract.ts';
export { createCast } from './cast.ts';
export { startEngine } from './engine.ts';
export type { Engine, EngineOptions, Process, ProcessOptions } from './engine.ts';
export { playIssue } from './play-issue.ts';
export type { IssuePlay, PlayedIssue } from './play-issue.ts';
export type { Watched } from './repository.ts';
export { describeAgent } from './describe-agent.ts';
export { promptOf } from './prompt.ts';
export type { PromptOptions } from './prompt.ts';
