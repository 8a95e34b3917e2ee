// Where an EHR opens the app: with `iss`, the FHIR base, and `launch`, the name of what it shows. fhirclient reads both from the
// address, finds the authorization server, and goes there with PKCE.
FHIR.oauth2.authorize({
  clientId: 'demo-app',
  redirectUri: './',
  scope: 'launch openid fhirUser patient/*.rs online_access',
  pkceMode: 'required',
}).catch(error => { document.getElementById('status').textContent = error.message; });
