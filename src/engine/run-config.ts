import { createHash } from 'node:crypto';
import { namedWorkflow } from '../config/instance.ts';
import type { InstanceSettings } from '../config/instance.ts';
import { parseRepositoryConfig, REPOSITORY_CONFIG_PATH, defaultRepositoryConfig } from '../config/repository.ts';
import type { ConfigProblem, RepositoryConfig } from '../config/repository.ts';
import type { JsonObject } from '../domain/model.ts';
import type { Workflow } from '../domain/workflow.ts';
import type { Repository } from '../github/repository.ts';

/** What a run is carried out by, stored with it when it starts: later changes of the file concern later runs. */
export interface RunConfig {
  repository: RepositoryConfig;
  workflow: Workflow;
}

export interface ReadConfig extends RunConfig {
  problems: ConfigProblem[];
  /** Of the file's text: names one state of a broken file. */
  digest: string;
}

export async function readRunConfig(repository: Repository, instance: InstanceSettings): Promise<ReadConfig> {
  const text = await repository.source.file(REPOSITORY_CONFIG_PATH, repository.project.default_branch);
  const { config, problems } = parseRepositoryConfig(text, instance.repository);
  const digest = createHash('sha256')
    .update(text ?? '')
    .digest('hex')
    .slice(0, 16);
  return { repository: config, workflow: instance.workflow, problems, digest };
}

export function toRunSnapshot({ repository, workflow }: RunConfig): JsonObject {
  return { repository, workflow } as unknown as JsonObject;
}

/** The configuration of a run as it was stored; what an older version did not store yet has its default. */
export function fromRunSnapshot(snapshot: JsonObject): RunConfig {
  const stored = snapshot as unknown as Partial<RunConfig>;
  return { repository: { ...defaultRepositoryConfig(), ...stored.repository }, workflow: stored.workflow ?? namedWorkflow('default') };
}

/** The one comment about a configuration that does not hold. */
export function problemsComment(problems: ConfigProblem[]): string {
  const rows = problems.slice(0, 20).map(({ line, field, problem, fix }) => `| ${line} | \`${field}\` | ${cell(problem)} | ${cell(fix)} |`);
  return [
    `\`${REPOSITORY_CONFIG_PATH}\` on the default branch is not valid, so I work with the defaults until it is mended:`,
    '',
    '| Line | Field | Problem | Fix |',
    '| ---: | --- | --- | --- |',
    ...rows,
  ].join('\n');
}

function cell(text: string): string {
  return text.replaceAll('|', '\\|').replaceAll(/\s+/g, ' ').slice(0, 300);
}
