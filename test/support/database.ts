export { createPglite } from '../../src/testing/database.ts';
export { migrate, MIGRATIONS, startPostgres, withConnection, type TestDatabase, type TestPostgres } from '../../scripts/bench/postgres.ts';
