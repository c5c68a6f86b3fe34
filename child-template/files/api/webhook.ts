export { POST } from 'banyan/api/webhook';
