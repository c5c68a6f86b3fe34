export { GET } from 'banyan/api/health';
