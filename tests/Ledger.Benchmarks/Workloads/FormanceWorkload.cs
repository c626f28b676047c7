using System.Collections.Concurrent;
using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>The scripts of Formance's write benchmark (test/performance/pkg/write/scripts): 1.00 from the world to the
/// bank; from an account of a new name, which may be overdrawn without bound, to the bank; from an account of a new
/// name, which may be overdrawn by
/// 1.00, to another of a new name.</summary>
internal sealed class FormanceWorkload : Workload
{
    private const long Amount = 100;
    private const string World = "bench:world";
    private const string BankOfAll = "bench:bank";

    private readonly string _script;
    private readonly ConcurrentQueue<string> _opened = new();

    public FormanceWorkload(string script, Settings settings)
        : base(script, settings) => _script = script;

    public override IReadOnlyList<V1.AccountSpec> Accounts { get; } = [Account(World), Account(BankOfAll)];

    public override IEnumerable<string> Books => base.Books.Concat(_opened);

    public override Call Next(int batch)
    {
        switch (_script)
        {
            case "world_to_bank":
                return new PostCall([Move(World, BankOfAll, Amount)]);
            case "any_to_bank":
                var transfer = Move(New("src"), BankOfAll, Amount);
                transfer.Asset = Asset;
                transfer.OpenAccounts = true;
                return new PostCall([transfer]);
            default:
                // Opened with its limit and drawn upon, all or nothing.
                var source = New("src");
                var destination = New("dst");
                var bounded = Move(source, destination, Amount);
                bounded.Asset = Asset;
                return new BatchCall(new SubmitBatchRequest
                {
                    Items =
                    {
                        Opening(Account(source, Amount)), Opening(Account(destination)),
                        new V1.BatchItem { Transfer = bounded },
                    },
                });
        }
    }

    private static V1.BatchItem Opening(V1.AccountSpec spec) => new()
    {
        Opening = new AccountOpening { Spec = spec },
        Linked = true,
    };

    private string New(string prefix)
    {
        var name = $"bench:{prefix}:{Guid.NewGuid():N}";
        _opened.Enqueue(name);
        return name;
    }
}
