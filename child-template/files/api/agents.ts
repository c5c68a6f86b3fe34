export { agents as POST } from '../src/functions.ts';
