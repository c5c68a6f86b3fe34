import { callTool } from '../../../src/testing/openai-server.ts';
import { inRole } from '../../engine/scripts.ts';

export const QUESTION = callTool('submit_product_owner_result', {
  needs_clarification: true,
  questions: ['How warmly?'],
  refined_description: 'Greet more warmly.',
  acceptance_criteria: [],
  priority: 'medium',
});

/** A Product Owner who has a question. */
export const asks = inRole('product-owner', () => QUESTION);
