/** The embedded Supabase as a process of its own: `node src/local/supabase/main.ts <settings>`. */
import { onStopSignal, readSettings } from '../launch.ts';
import { createLocalSupabase, supabaseSettings } from './server.ts';

const server = await createLocalSupabase(readSettings(supabaseSettings, process.argv[2]));
onStopSignal(() => server.close(500));
console.log(`listening ${server.url}`);
