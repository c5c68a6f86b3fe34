import { addedAnswers, type Answers } from '../../src/spawn/answers.ts';
import type { NewQuestions } from '../../src/spawn/update/prepare.ts';
import { readData } from '../spawn/options.ts';
import { askQuestion } from '../spawn/questions.ts';

export interface Answering {
  /** A file with answers. */
  data: string | undefined;
  /** Whether somebody is at a terminal who may be asked. */
  interactive: boolean;
  signal?: AbortSignal;
}

/**
 * Answers what a new template asks, before anything is written: from the file, then by asking. What is left takes its default.
 * @throws BanyanError `config_invalid` for a file that cannot be read, and for answers that are wrong or not asked for
 */
export function answering({ data, interactive, signal }: Answering): (questions: NewQuestions) => Promise<Partial<Answers>> {
  const input = data === undefined ? {} : readData(data);
  return async ({ open, known, template }) => {
    const given: Partial<Answers> = data === undefined ? {} : addedAnswers({ known, open, input, origin: data });
    if (!interactive) return given;
    const asked = { template, domain: known.domain, ...(signal === undefined ? {} : { signal }) };
    for (const question of open) {
      if (!Object.hasOwn(given, question)) Object.assign(given, { [question]: await askQuestion(question, asked) });
    }
    return given;
  };
}
