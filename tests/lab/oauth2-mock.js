// Starts npm's oauth2-mock-server as if it were a tenant's token endpoint: node oauth2-mock.js DIRECTORY-OF-THE-MODULE TENANT
// By itself it gives everybody a token, as Entra does to a user without MFA. A user named code-N@... gets AADSTS code N instead.
// Prints one "ready URL" line; ends when standard input closes.
'use strict';

const path = require('node:path');

const [, , moduleDirectory, tenant] = process.argv;
if (!moduleDirectory || !tenant) {
  console.error('usage: node oauth2-mock.js DIRECTORY-OF-THE-MODULE TENANT');
  process.exit(2);
}
const { OAuth2Server } = require(path.resolve(moduleDirectory));

const server = new OAuth2Server(undefined, undefined, {
  endpoints: { token: `/${tenant}/oauth2/v2.0/token` },
});

server.service.on('beforeResponse', (response, request) => {
  const match = /^code-(\d+)@/.exec(request.body.username ?? '');
  if (match === null) return;
  response.statusCode = 400;
  response.body = {
    error: 'invalid_grant',
    suberror: 'basic_action',
    error_description: `AADSTS${match[1]}: set by the hook.`,
    error_codes: [Number(match[1])],
    correlation_id: '00000000-0000-4000-8000-00000000abcd',
  };
});

(async () => {
  await server.issuer.keys.generate('RS256');
  await server.start(0, '127.0.0.1');
  console.log(`ready http://127.0.0.1:${server.address().port}`);
  process.stdin.resume();
  process.stdin.on('close', () => process.exit(0));
})();
