export { GET } from 'banyan/api/metrics';
