// oauth2-mock-server at Entra's path: node mock-tenant.js PORT_FILE
// Users whose name begins with "mfa" get 50076 for the right password by the server's own hook, and 50126 for a wrong one
// ("mfa-always": 50076 for that too);
// everybody else gets what the server gives: a token, whatever the password.
'use strict';

const fs = require('node:fs');
const { OAuth2Server } = require('oauth2-mock-server');

const PASSWORD = 'correct horse';

function refusal(code, words) {
  return {
    error: 'invalid_grant',
    error_description: `AADSTS${code}: ${words} Trace ID: 00000000-0000-0000-0000-000000000000`,
    error_codes: [code],
    timestamp: '2026-01-01 00:00:00Z',
    trace_id: '00000000-0000-0000-0000-000000000000',
    correlation_id: '00000000-0000-0000-0000-000000000001',
  };
}

async function main() {
  const server = new OAuth2Server(undefined, undefined, { endpoints: { token: '/:tenant/oauth2/v2.0/token' } });
  await server.issuer.keys.generate('RS256');
  server.service.on('beforeResponse', (response, request) => {
    if (!String(request.body.username).startsWith('mfa')) return;
    const right = request.body.password === PASSWORD || request.body.username.startsWith('mfa-always');
    response.statusCode = 400;
    response.body = right
      ? refusal(50076, 'You must use multi-factor authentication.')
      : refusal(50126, 'Invalid username or password.');
  });
  await server.start(0, '127.0.0.1');
  fs.writeFileSync(`${process.argv[2]}.new`, String(server.address().port));
  fs.renameSync(`${process.argv[2]}.new`, process.argv[2]);
}

main().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
