// A client of ledger.v1 that has nothing of this project but the address of a node: it asks the node itself, by gRPC
// server reflection, what can be called.
//
//   node index.mjs 127.0.0.1:5001 some-unique-name
//
// Prints one line for each thing done, and ends with 0 when all went as it should.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import grpc from '@grpc/grpc-js';
import protoLoader from '@grpc/proto-loader';

const [address, name] = process.argv.slice(2);
const options = { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true };
const deadline = () => ({ deadline: Date.now() + 20_000 });
const insecure = grpc.credentials.createInsecure();

// The two published contracts that this rests on: of reflection and of error details, as far as they are used.
const known = protoLoader.fromJSON({
  nested: {
    'grpc.reflection.v1alpha': {
      nested: {
        ServerReflection: {
          methods: {
            ServerReflectionInfo: {
              requestType: 'ServerReflectionRequest',
              requestStream: true,
              responseType: 'ServerReflectionResponse',
              responseStream: true,
            },
          },
        },
        ServerReflectionRequest: {
          oneofs: { message_request: { oneof: ['file_containing_symbol', 'list_services'] } },
          fields: {
            file_containing_symbol: { type: 'string', id: 4 },
            list_services: { type: 'string', id: 7 },
          },
        },
        ServerReflectionResponse: {
          fields: {
            file_descriptor_response: { type: 'FileDescriptorResponse', id: 4 },
            list_services_response: { type: 'ListServiceResponse', id: 6 },
            error_response: { type: 'ErrorResponse', id: 7 },
          },
        },
        FileDescriptorResponse: {
          fields: { file_descriptor_proto: { rule: 'repeated', type: 'bytes', id: 1 } },
        },
        ListServiceResponse: { fields: { service: { rule: 'repeated', type: 'ServiceResponse', id: 1 } } },
        ServiceResponse: { fields: { name: { type: 'string', id: 1 } } },
        ErrorResponse: {
          fields: { error_code: { type: 'int32', id: 1 }, error_message: { type: 'string', id: 2 } },
        },
      },
    },
    'google.rpc': {
      nested: {
        Status: {
          fields: {
            code: { type: 'int32', id: 1 },
            message: { type: 'string', id: 2 },
            details: { rule: 'repeated', type: 'Packed', id: 3 },
          },
        },
        Packed: { fields: { type_url: { type: 'string', id: 1 }, value: { type: 'bytes', id: 2 } } },
        ErrorInfo: {
          fields: {
            reason: { type: 'string', id: 1 },
            domain: { type: 'string', id: 2 },
            metadata: { keyType: 'string', type: 'string', id: 3 },
          },
        },
      },
    },
  },
}, options);

function reflect(request) {
  const Reflection = grpc.makeClientConstructor(known['grpc.reflection.v1alpha.ServerReflection'], 'reflection');
  const client = new Reflection(address, insecure);
  return new Promise((resolve, reject) => {
    const call = client.ServerReflectionInfo(deadline());
    call.on('data', (answer) => {
      call.end();
      client.close();
      answer.error_response ? reject(new Error(answer.error_response.error_message)) : resolve(answer);
    });
    call.on('error', reject);
    call.write(request);
  });
}

// A FileDescriptorSet is the files one after the other, each as field 1 with its length before it.
function descriptorSet(files) {
  const parts = [];
  for (const file of files.values()) {
    const length = [];
    for (let rest = file.length; ; rest = Math.floor(rest / 128)) {
      length.push(rest > 127 ? (rest % 128) + 128 : rest);
      if (rest <= 127) break;
    }
    parts.push(Buffer.from([10, ...length]), file);
  }
  return Buffer.concat(parts);
}

async function load(services) {
  const files = new Map();
  for (const symbol of services) {
    const answer = await reflect({ file_containing_symbol: symbol });
    for (const file of answer.file_descriptor_response.file_descriptor_proto) {
      files.set(file.toString('base64'), file);
    }
  }
  return protoLoader.loadFileDescriptorSetFromBuffer(descriptorSet(files), options);
}

const unary = (client, method, request) => new Promise((resolve, reject) =>
  client[method](request, deadline(), (error, answer) => (error ? reject(error) : resolve(answer))));

function explain(error) {
  const [bytes] = error.metadata.get('grpc-status-details-bin');
  const status = known['google.rpc.Status'].deserialize(bytes);
  const info = status.details.find((detail) => detail.type_url.endsWith('/google.rpc.ErrorInfo'));
  return known['google.rpc.ErrorInfo'].deserialize(info.value);
}

const listed = await reflect({ list_services: '*' });
const services = listed.list_services_response.service.map((service) => service.name).sort();
console.log(`services: ${services.join(' ')}`);
const api = await load(services.filter((service) => service.startsWith('ledger.v1.')));
const client = (service) =>
  new (grpc.makeClientConstructor(api[`ledger.v1.${service}`], service))(address, insecure);
const [accounts, transfers] = [client('AccountService'), client('TransferService')];

const [bank, alice] = [`${name}:bank`, `${name}:alice`];
// This library shows a map that it has learned by reflection as what it is on the wire: a list of entries.
const metadata = [{ key: 'language', value: 'js' }];
const opened = await unary(accounts, 'OpenAccounts', {
  accounts: [
    { address: bank, asset: 'EUR/2', code: 1 },
    { address: alice, asset: 'EUR/2', code: 2, debits_must_not_exceed_credits: {}, metadata },
  ],
});
console.log(`opened: ${opened.results.map((result) => result.status).join(' ')}`);

const transfer = (debit_account, credit_account, amount) =>
  ({ id: randomUUID(), debit_account, credit_account, amount, asset: 'EUR/2', code: 1, reference: 'from node.js' });

// More than a double can hold, so that a client which goes through one would be found out.
const first = transfer(bank, alice, '90071992547409931');
const one = await unary(transfers, 'PostTransfer', { transfer: first });
const same = await unary(transfers, 'PostTransfer', { transfer: first });
console.log(`unary: ${one.result.status} ${same.result.status}`);
assert.deepEqual(same.result.create_time, one.result.create_time);

const batch = await unary(transfers, 'PostTransfers', {
  transfers: [transfer(bank, alice, '5'), transfer(alice, bank, '99999999999999999999'), transfer(bank, alice, '7')],
});
console.log(`batch: ${batch.results.map((result) => result.status).join(' ')}`);

const answers = await new Promise((resolve, reject) => {
  const call = transfers.StreamTransfers(deadline());
  const received = [];
  call.on('data', (answer) => received.push(answer));
  call.on('error', reject);
  call.on('end', () => resolve(received.sort((a, b) => Number(a.sequence) - Number(b.sequence))));
  for (let sequence = 1; sequence <= 50; sequence++) {
    call.write({ sequence, transfer: transfer(bank, alice, sequence === 50 ? '-1' : '1') });
  }
  call.end();
});
const inItem = answers[49].error.details.find((detail) => detail.type_url.endsWith('/google.rpc.ErrorInfo'));
console.log(`stream: ${answers.filter((answer) => answer.result?.status === 'TRANSFER_STATUS_CREATED').length} created, `
  + `the last: ${known['google.rpc.ErrorInfo'].deserialize(inItem.value).reason}`);

const { account } = await unary(accounts, 'GetAccount', { address: alice });
console.log(`account: ${account.spec.metadata[0].value} ${account.balance} of ${account.entry_count} entries, `
  + `available ${account.available_debits}`);

const { record } = await unary(transfers, 'GetTransfer', { account: alice, id: first.id });
console.log(`transfer: ${record.status} ${record.transfer.amount} ${record.transfer.reference}`);

let [entries, page_token, pages] = [[], '', 0];
do {
  const page = await unary(accounts, 'ListStatement', { address: alice, page_size: 20, page_token });
  entries = entries.concat(page.entries);
  page_token = page.next_page_token;
  pages++;
} while (page_token);
assert.deepEqual(entries.map((entry) => Number(entry.sequence)), entries.map((_, index) => index + 1));
console.log(`statement: ${entries.length} entries on ${pages} pages, the last balance ${entries.at(-1).balance}`);

for (const [what, bad] of [
  ['amount', { ...transfer(bank, alice, '12.50') }],
  ['address', { ...transfer(bank, 'not an address', '1') }],
]) {
  try {
    await unary(transfers, 'PostTransfer', { transfer: bad });
    assert.fail(`a bad ${what} was taken`);
  } catch (error) {
    const info = explain(error);
    console.log(`bad ${what}: ${grpc.status[error.code]} ${info.domain} ${info.reason} ${info.metadata.outcome}`);
  }
}
accounts.close();
transfers.close();
