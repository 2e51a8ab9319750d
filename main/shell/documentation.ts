/** Which addresses may be handed to the system's browser. */

/** Hosts to the letter: no subdomain of theirs, and none that ends like them. */
export const DOCUMENTATION_HOSTS: readonly string[] = ['inca.digital', 'www.inca.digital'];

/** Whether it is a page of the documentation: https, the usual port, no name or password in it. */
export function isDocumentation(address: string): boolean {
  if (!URL.canParse(address)) return false;
  const { protocol, host, username, password } = new URL(address);
  return protocol === 'https:' && username + password === '' && DOCUMENTATION_HOSTS.includes(host);
}
