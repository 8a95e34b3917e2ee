// What an EHR does when somebody starts the app beside a patient's record: it keeps what it shows, and opens the app with its name.
//
//   TOKEN=$(medisync token --tenant demo --scope "user/*.rs") node ehr.mjs amina-diallo
const base = process.env.BASE ?? 'http://127.0.0.1:8080/fhir/demo';
const patient = process.argv[2] ?? 'amina-diallo';

const response = await fetch(`${base}/Patient/${patient}/$launch-context`, {
  method: 'POST',
  headers: { Authorization: `Bearer ${process.env.TOKEN}`, 'Content-Type': 'application/fhir+json' },
  body: JSON.stringify({
    resourceType: 'Parameters',
    parameter: [
      { name: 'intent', valueString: 'review-chart' },
      { name: 'needPatientBanner', valueBoolean: true },
    ],
  }),
});
const answer = await response.json();
if (!response.ok) {
  console.error(answer.issue[0].diagnostics);
  process.exit(1);
}
const launch = answer.parameter[0].valueString;
console.log(`http://localhost:3000/launch.html?${new URLSearchParams({ iss: base, launch })}`);
