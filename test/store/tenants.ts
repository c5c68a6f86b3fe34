import { randomUUID } from 'node:crypto';
import type { Column, Table } from './catalogue.ts';
import type { TestDatabase } from '../support/database.ts';

/** One organization with a row in every table, made from what the catalogue says about each column. */
export interface Tenant {
  organizationId: string;
  profileId: string;
  /** The column and value by which a table's row is known as this tenant's. */
  owner(table: string): { column: string; value: string };
  /** Columns and values of one more row. */
  row(table: Table): Record<string, unknown>;
}

/** Rows whose checks span columns, so that no single column tells what fits. */
const SPECIAL: Record<string, (made: Map<string, unknown>) => Record<string, unknown>> = {
  memberships: (made) => ({ profile_id: made.get('profiles'), agent_id: null }),
  task_dependencies: (made) => ({ depends_on_task_id: made.get('tasks:other') }),
};

export async function makeTenant(database: TestDatabase, tables: Table[], roleId: string): Promise<Tenant> {
  const organizationId = randomUUID();
  const made = new Map<string, unknown>([['organizations', organizationId]]);
  const tenant: Tenant = {
    organizationId,
    profileId: randomUUID(),
    owner: (table) =>
      table === 'profiles'
        ? { column: 'id', value: tenant.profileId }
        : { column: table === 'organizations' ? 'id' : 'organization_id', value: organizationId },
    row: (table) => rowOf(table, made),
  };
  const firsts: Record<string, Record<string, unknown>> = {
    organizations: { id: organizationId },
    profiles: { id: tenant.profileId },
    memberships: { role_id: roleId },
  };
  for (const table of inOrder(tables)) {
    const row = { ...rowOf(table, made), ...firsts[table.name] };
    made.set(table.name, await insert(database, table, row));
    if (table.name === 'tasks') made.set('tasks:other', await insert(database, table, rowOf(table, made)));
  }
  return tenant;
}

function rowOf(table: Table, made: Map<string, unknown>): Record<string, unknown> {
  const needed = table.columns.filter(isFilled);
  const row = Object.fromEntries(needed.map((column) => [column.name, valueOf(column, made)]));
  return { ...row, ...SPECIAL[table.name]?.(made) };
}

function isFilled(column: Column): boolean {
  return column.required || column.name === 'organization_id';
}

function valueOf(column: Column, made: Map<string, unknown>): unknown {
  if (column.name === 'organization_id') return made.get('organizations');
  if (column.references !== null) return made.get(column.references);
  if (column.allowed !== null) return column.allowed[0];
  if (column.type === 'boolean') return true;
  if (column.type === 'jsonb') return '{}';
  if (column.type === 'uuid') return randomUUID();
  if (column.type === 'bigint') return Math.floor(Math.random() * 2 ** 45);
  if (column.type === 'integer') return Math.floor(Math.random() * 2 ** 30) + 1;
  if (column.type.startsWith('numeric')) return 1;
  if (column.type === 'text') return `t${randomUUID()}`;
  throw new Error(`no value is known for ${column.name} ${column.type}`);
}

/** Tables after those that they must refer to. */
function inOrder(tables: Table[]): Table[] {
  const ordered: Table[] = [];
  for (let left = [...tables]; left.length > 0;) {
    const names = new Set(left.map((table) => table.name));
    const ready = left.filter((table) => table.columns.every((column) => !isFilled(column) || column.references === null || !names.has(column.references)));
    if (ready.length === 0) throw new Error(`tables that need each other: ${[...names].join(', ')}`);
    // Others than the required ones are used by what spans columns.
    ordered.push(...ready.toSorted((a, b) => Number(a.name in SPECIAL) - Number(b.name in SPECIAL)));
    left = left.filter((table) => !ready.includes(table));
  }
  return ordered;
}

/** @returns the value of the row's first column, which is what others refer to. */
async function insert(database: TestDatabase, table: Table, row: Record<string, unknown>): Promise<unknown> {
  const { text, values } = insertStatement(table.name, row);
  const { rows } = await database.pool.query<{ key: unknown }>(`${text} returning ${table.columns[0]?.name} as key`, values);
  return rows[0]?.key;
}

export function insertStatement(table: string, row: Record<string, unknown>): { text: string; values: unknown[] } {
  const names = Object.keys(row);
  return {
    text: `insert into public.${table} (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})`,
    values: Object.values(row),
  };
}
