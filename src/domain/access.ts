/** What stands between the App and a repository, by the status with which GitHub refuses a token for it; and who can change that. */
export interface AccessWords {
  missing: string;
  who: string;
}

const SETTINGS = 'in the settings, under GitHub Apps';

export function accessWords(status: number, owner: string): AccessWords {
  const by = `An owner of \`${owner.replaceAll('`', '')}\``;
  switch (status) {
    case 401:
      return { missing: 'GitHub does not accept the credentials of the App.', who: 'Whoever runs Banyan: check GITHUB_APP_ID and GITHUB_APP_PRIVATE_KEY.' };
    case 403:
      return { missing: 'the installation of the GitHub App is suspended.', who: `${by} can unsuspend it ${SETTINGS}.` };
    case 404:
      return { missing: 'the GitHub App is no longer installed here.', who: `${by} can install it again.` };
    default:
      return { missing: 'the GitHub App may not use this repository, or lacks a permission.', who: `${by} can give it both ${SETTINGS}.` };
  }
}
