import { dropPrivileges, INSIDE, limitedCommand, type Invocation, type IsolationPlan } from './plan.ts';

const SHARED_MEMORY_BYTES = 64 * 1024 * 1024;

/** Made by hand: bubblewrap gives the parents of a mount point to root alone. */
const PARENTS = ['/opt', '/home'].flatMap((path) => ['--perms', '0755', '--dir', path]);

function systemArgs({ host, folders }: IsolationPlan): string[] {
  const system = host.system.flatMap(({ path, link }) => (link === null ? ['--ro-bind', path, path] : ['--symlink', link, path]));
  const node = host.node ? ['--ro-bind', host.node, INSIDE.node] : [];
  const npm = host.npm
    ? [
        ...['--ro-bind', host.npm, INSIDE.npm],
        ...['--symlink', `${INSIDE.npm}/bin/npm-cli.js`, `${INSIDE.tools}/npm`, '--symlink', `${INSIDE.npm}/bin/npx-cli.js`, `${INSIDE.tools}/npx`],
      ]
    : [];
  const etc = host.etcFolders.flatMap((path) => ['--ro-bind', path, path]);
  return ['--ro-bind', '/usr', '/usr', ...PARENTS, ...system, '--ro-bind', folders.etc, '/etc', ...etc, ...node, ...npm];
}

/**
 * As root there is no user namespace: bubblewrap keeps just the capabilities by which `setpriv` inside becomes an unprivileged
 * user, because host root mapped into a namespace would be exempt from the limit on processes.
 */
function userArgs(plan: IsolationPlan, canDisableUserns: boolean): string[] {
  if (plan.dropTo !== null) return ['--cap-drop', 'ALL', '--cap-add', 'CAP_SETUID', '--cap-add', 'CAP_SETGID', '--cap-add', 'CAP_SETPCAP'];
  return ['--unshare-user', '--uid', '1000', '--gid', '1000', '--cap-drop', 'ALL', ...(canDisableUserns ? ['--disable-userns'] : [])];
}

/**
 * As root bubblewrap without its capabilities may not signal the user that the command became, so --die-with-parent does nothing
 * (measured: commands outlived us). A pid namespace around it ends with us, and everything in it.
 */
const OUTER_NAMESPACE = ['unshare', '--pid', '--fork', '--kill-child', '--'];

export function bubblewrapInvocation(plan: IsolationPlan, canDisableUserns: boolean): Invocation {
  const { folders } = plan;
  return {
    file: 'setpriv',
    args: [
      ...['--pdeathsig', 'KILL', ...(plan.dropTo === null ? [] : OUTER_NAMESPACE), 'bwrap'],
      ...['--unshare-ipc', '--unshare-pid', '--unshare-net', '--unshare-uts', '--as-pid-1', '--die-with-parent', '--new-session'],
      ...userArgs(plan, canDisableUserns),
      ...systemArgs(plan),
      ...['--proc', '/proc', '--dev', '/dev', '--size', String(SHARED_MEMORY_BYTES), '--perms', '1777', '--tmpfs', '/dev/shm'],
      ...['--bind', folders.work, INSIDE.work, '--bind', folders.home, INSIDE.home, '--bind', folders.tmp, INSIDE.tmp],
      ...['--remount-ro', '/dev', '--remount-ro', '/', '--'],
      ...dropPrivileges(plan),
      ...limitedCommand(plan, INSIDE.work),
    ],
  };
}
