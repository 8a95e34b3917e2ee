// The app itself. The authorization server sends the browser here, with a code; without one, the app offers to start by itself.
const base = new URLSearchParams(location.search).get('base') ?? 'http://127.0.0.1:8080/fhir/demo';
const at = id => document.getElementById(id);

function say(text) { at('status').textContent = text; }

// Standalone launch: the app asks to be told of a patient and one of the patient's visits.
function connect() {
  return FHIR.oauth2.authorize({
    iss: base,
    clientId: 'demo-app',
    redirectUri: './',
    scope: 'launch/patient launch/encounter openid fhirUser patient/*.rs user/Practitioner.r offline_access',
    pkceMode: 'required',
  });
}

function nameOf(person) {
  const name = person.name?.[0];
  return name?.text ?? [...(name?.given ?? []), name?.family].filter(Boolean).join(' ');
}

function measured(observation) {
  const what = observation.code.text ?? observation.code.coding?.[0]?.display ?? 'Observation';
  const value = observation.valueQuantity;
  return value ? `${what}: ${value.value} ${value.unit ?? ''}` : what;
}

async function show(client) {
  const patient = await client.patient.read();
  // Everything that is found is this patient's: the token reaches nobody else's records.
  const found = await client.request('Observation?_sort=-date&_count=5');
  at('patient').textContent = nameOf(patient);
  at('born').textContent = patient.birthDate ?? 'unknown';
  at('visit').textContent = client.encounter.id ?? 'none in context';
  at('user').textContent = client.user.fhirUser ?? 'not told';
  at('observations').replaceChildren(...(found.entry ?? []).map(({ resource }) => {
    const item = document.createElement('li');
    item.textContent = measured(resource);
    return item;
  }));
  // An EHR that shows whose records these are says that the app need not.
  at('patient').hidden = client.state.tokenResponse.need_patient_banner === false;
  at('chart').hidden = false;
  at('connect').hidden = true;
  say('The chart of the patient in context.');
}

async function refresh(client) {
  await client.refresh();
  await show(client);
  say('The token was refreshed.');
}

function leave() {
  sessionStorage.clear();
  location.assign('./');
}

async function start() {
  const query = new URLSearchParams(location.search);
  if (query.has('error')) {
    say(`The app was not let in: ${query.get('error_description') ?? query.get('error')}`);
    at('connect').hidden = false;
  } else if (query.has('code') || sessionStorage.getItem('SMART_KEY')) {
    const client = await FHIR.oauth2.ready();
    at('refresh').addEventListener('click', () => refresh(client).catch(error => say(error.message)));
    at('leave').addEventListener('click', leave);
    await show(client);
  } else {
    say(`Not connected to ${base}.`);
    at('connect').hidden = false;
  }
}

at('connect').addEventListener('click', () => connect().catch(error => say(error.message)));
start().catch(error => say(error.message));
