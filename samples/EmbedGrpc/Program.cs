using Ledger;
using Microsoft.AspNetCore.Server.Kestrel.Core;

var builder = WebApplication.CreateBuilder(args);
builder.WebHost.ConfigureKestrel(kestrel =>
{
    // Without TLS nothing tells HTTP/2 from HTTP/1.1, so each has a port of its own.
    kestrel.ListenLocalhost(5001, listen => listen.Protocols = HttpProtocols.Http2); // gRPC
    kestrel.ListenLocalhost(5000, listen => listen.Protocols = HttpProtocols.Http1); // JSON
});
builder.Services.AddLedger(options => options.UseSqlite("ledger.db")); // or UsePostgreSql
builder.Services.AddLedgerGrpc();

var app = builder.Build();
app.MapLedgerGrpc();
await app.RunAsync();
