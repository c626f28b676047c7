using System.Globalization;
using Ledger.V1;

namespace Ledger.Benchmarks.Workloads;

/// <summary>What a ledger is asked: its accounts, and one call after the other. Thread-safe.</summary>
internal abstract class Workload
{
    /// <summary>The one asset that all workloads move.</summary>
    public const string Asset = "USD/2";

    private readonly bool _hasNonTimeOrderedIds;

    protected Workload(string name, Settings settings)
    {
        Name = settings.HasNonTimeOrderedIds ? name + "-v4" : name;
        _hasNonTimeOrderedIds = settings.HasNonTimeOrderedIds;
    }

    /// <summary>Its name, as the command line says it.</summary>
    public string Name { get; }

    /// <summary>The accounts that are opened beforehand.</summary>
    public abstract IReadOnlyList<V1.AccountSpec> Accounts { get; }

    /// <summary>What gives them what they have at the beginning.</summary>
    public virtual IEnumerable<V1.Transfer> Funding => [];

    /// <summary>Whether the node is started anew after the accounts are opened, so that all of them sleep.</summary>
    public virtual bool Sleeps => false;

    /// <summary>Whether some transfers only hold money, and so have no entries.</summary>
    public virtual bool HasHolds => false;

    /// <summary>All accounts that may have entries, those among them that were opened on the way.</summary>
    public virtual IEnumerable<string> Books => Accounts.Select(static account => account.Address);

    /// <summary>The workload of a name.</summary>
    /// <exception cref="FormatException">It has no batches, and some are asked for.</exception>
    public static Workload Of(string name, Settings settings)
    {
        Workload workload = name switch
        {
            "cold" => new ColdWorkload(settings),
            "payroll" or "settlement" => new FanWorkload(name, settings),
            "smallbank" => new SmallBankWorkload(settings),
            "world_to_bank" or "any_to_bank" or "any_bounded_to_any" => new FormanceWorkload(name, settings),
            _ when name.StartsWith("tigerbeetle", StringComparison.Ordinal) => new TigerBeetleWorkload(name, settings),
            _ => PairWorkload.Of(name, settings),
        };
        return settings.Batch == 1 || workload is TransferWorkload
            ? workload
            : throw new FormatException($"{name} takes no --batch: its calls are not single transfers.");
    }

    /// <summary>Addresses with numbers.</summary>
    public static string[] Names(string prefix, int count)
    {
        var names = new string[count];
        for (var i = 0; i < count; i++)
        {
            names[i] = prefix + ":" + i.ToString("D6", CultureInfo.InvariantCulture);
        }

        return names;
    }

    /// <summary>The next call, with new ids.</summary>
    /// <param name="batch">How many transfers it holds, where it can hold several.</param>
    public abstract Call Next(int batch);

    protected static V1.AccountSpec Account(string address, long? allowance = null) => new()
    {
        Address = address,
        Asset = Asset,
        Code = 1,
        DebitsMustNotExceedCredits = allowance is { } value
            ? new Limit { Allowance = value.ToString(CultureInfo.InvariantCulture) }
            : null,
    };

    protected string NewId() => (_hasNonTimeOrderedIds ? Guid.NewGuid() : Guid.CreateVersion7()).ToString("D");

    protected V1.Transfer Move(string debit, string credit, long amount) => new()
    {
        Id = NewId(),
        DebitAccount = debit,
        CreditAccount = credit,
        Amount = amount.ToString(CultureInfo.InvariantCulture),
        Code = 1,
    };
}

/// <summary>A workload whose calls are transfers, one or many of them.</summary>
internal abstract class TransferWorkload(string name, Settings settings) : Workload(name, settings)
{
    public abstract V1.Transfer NextTransfer();

    public override Call Next(int batch)
    {
        var transfers = new V1.Transfer[batch];
        for (var i = 0; i < transfers.Length; i++)
        {
            transfers[i] = NextTransfer();
        }

        return new PostCall(transfers);
    }
}

/// <summary>One call of a workload. It is repeated as it is until it is decided.</summary>
internal abstract record Call;

/// <summary>Posts a transfer, or several, each for itself.</summary>
internal sealed record PostCall(IReadOnlyList<V1.Transfer> Transfers) : Call;

/// <summary>Posts a transaction: all its legs or none.</summary>
internal sealed record TransactionCall(V1.Transaction Transaction) : Call;

/// <summary>Submits an ordered batch.</summary>
internal sealed record BatchCall(SubmitBatchRequest Request) : Call;

/// <summary>Reads accounts, and makes the call that follows from what they have, if any does.</summary>
internal sealed record ReadCall(IReadOnlyList<string> Accounts, Func<IReadOnlyList<V1.Account>, Call?>? Then = null)
    : Call;
