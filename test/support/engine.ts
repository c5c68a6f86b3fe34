/** The engine of the tests is the one that children get: `banyan/testing`. */
export { startEngine } from '../../src/testing/engine.ts';
export type { Engine, EngineOptions, Process, ProcessOptions } from '../../src/testing/engine.ts';
