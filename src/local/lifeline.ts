/**
 * Loaded with `--import` into every child of the stack. When the supervisor is gone (killed with no chance to say so), the channel to it
 * closes and the child ends itself, so that no orphan holds a port or the database.
 */
const GRACE_MS = 2000;

process.once('disconnect', () => {
  setTimeout(() => process.kill(process.pid, 'SIGKILL'), GRACE_MS).unref();
  process.kill(process.pid, 'SIGTERM');
});
// A listener for `disconnect` keeps a process alive that is otherwise done.
process.channel?.unref();
