export { worker as POST } from '../src/functions.ts';
