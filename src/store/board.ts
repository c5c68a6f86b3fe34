import type { DigestFigures } from '../domain/digest.ts';
import type { BoardStore, BoardTicket } from './board-contract.ts';
import { call } from './call.ts';
import type { Transport } from './contract.ts';

export function boardCalls(transport: Transport): BoardStore {
  return {
    placeProject: (projectId, place) => call(transport, 'place_project', { p_project_id: projectId, p_place: place }),
    tasksAtRest: (ids) => call<string[]>(transport, 'tasks_at_rest', { p_ids: ids }),
    board: (projectId, limit) => call<BoardTicket[]>(transport, 'board', { p_project_id: projectId, p_limit: limit }),
    digestFigures: (projectId, shown) => call<DigestFigures>(transport, 'digest_figures', { p_project_id: projectId, p_shown: shown }),
    idleCapacity: () => call<{ agents: number; tasks: number }>(transport, 'idle_capacity', {}),
  };
}
