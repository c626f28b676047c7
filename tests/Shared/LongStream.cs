using Ledger.Actors.Journal;
using Ledger.Core;

namespace Ledger.Tests.Shared;

/// <summary>The journal of an account that has been paid very often: rows as the ledger would have written them, made
/// without it.</summary>
/// <param name="account">The account.</param>
/// <param name="entries">How many transfers it was paid with.</param>
/// <param name="start">When the first row was booked.</param>
internal sealed class LongStream(AccountAddress account, int entries, DateTimeOffset start)
{
    /// <summary>How many transfers a row holds.</summary>
    public const int EntriesPerRow = 100;

    private static readonly TimeSpan s_gap = TimeSpan.FromMilliseconds(100);
    private static readonly Asset s_asset = Asset.Parse("USD/2");
    private readonly IdIndex index = new(account);

    /// <summary>What a row holds besides, by its number; booked when the row is.</summary>
    public Dictionary<long, Func<LedgerTime, AccountEvent>> Besides { get; } = [];

    /// <summary>How many rows there are.</summary>
    public long Rows { get; } = 1 + ((entries + EntriesPerRow - 1) / EntriesPerRow);

    /// <summary>The newest entry in the index of ids, once the rows have been made.</summary>
    public IndexedId Newest { get; private set; }

    /// <summary>When a row was booked: ten in a second, with a pause of ten days in the middle.</summary>
    public LedgerTime TimeOf(long row) => LedgerTime.From(
        start + (s_gap * (row - 1)) + (row > Rows / 2 ? TimeSpan.FromDays(10) : TimeSpan.Zero));

    /// <summary>The id of a transfer of a row, of version 7 and made when the row was booked.</summary>
    public TransferId IdOf(long row, int place) => Dated(TimeOf(row), (ulong)((row * EntriesPerRow) + place));

    /// <summary>An id of version 7.</summary>
    /// <param name="time">Its time.</param>
    /// <param name="number">Its number.</param>
    public static TransferId Dated(LedgerTime time, ulong number) => new(
        ((UInt128)(ulong)(time.UnixMicroseconds / 1000) << 80) | ((UInt128)7 << 76) | ((UInt128)2 << 62) | number);

    /// <summary>A transfer to the account, as it books it.</summary>
    /// <param name="transfer">The transfer.</param>
    /// <param name="at">When.</param>
    public static LastAgentCommitted Booked(Transfer transfer, LedgerTime at) => new(
        new TransactionBranch
        {
            Id = transfer.Id,
            Coordinator = transfer.DebitAccount,
            LegCount = 1,
            Asked = TransferContent.DigestOf(transfer),
            Legs =
            [
                new ResolvedLeg(0, transfer, null)
                {
                    Amount = transfer.Amount,
                    HoldRemaining = transfer.ResolvesHold ? transfer.Amount : Amount.Zero,
                    Deadline = transfer.Kind == TransferKind.Hold
                    ? LedgerTime.MaxValue
                    : default,
                },
            ],
        },
        at);

    /// <summary>Makes the rows, each with the ids that it is entered under and the newest entry before it.</summary>
    public IEnumerable<(long SequenceNr, byte[] Bytes, IReadOnlyList<TransferId> Ids, IndexedId Previous)> Make()
    {
        var payer = AccountAddress.Parse("payer");
        var hash = JournalCodec.GenesisHash("ledger-account-" + account.Text);
        ulong booked = 0;
        Balances before = default;
        for (long row = 1; row <= Rows; row++)
        {
            var at = TimeOf(row);
            var batch = new EventBatch(row, booked, before);
            if (row == 1)
            {
                batch.Events.Add(new AccountOpened(new AccountSpec(account, s_asset, 1), at));
            }

            for (var place = 0; row > 1 && place < EntriesPerRow; place++)
            {
                batch.Events.Add(
                    Booked(new Transfer(IdOf(row, place), payer, account, Amount.Of(1), 1) { Asset = s_asset }, at));
            }

            booked += row > 1 ? (ulong)EntriesPerRow : 0;
            before = before with { CreditsPosted = Amount.Of(booked) };
            if (Besides.TryGetValue(row, out var besides))
            {
                batch.Events.Add(besides(at));
            }

            var ids = index.Add(batch);
            var previous = Newest;
            Newest = ids.Count > 0 ? new IndexedId(ids[^1], row) : previous;
            var bytes = JournalCodec.Encode(batch, hash, account);
            hash = JournalCodec.HashOf(bytes);
            yield return (row, bytes, ids, previous);
        }
    }
}
