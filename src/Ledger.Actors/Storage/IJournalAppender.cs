namespace Ledger.Actors.Storage;

/// <summary>Puts rows into the database. Each writer loop has its own, with its own connection, and never calls it
/// concurrently.</summary>
internal interface IJournalAppender : IAsyncDisposable
{
    /// <summary>Appends the rows with the entries of their ids in one transaction, durably: all or none. Each row with
    /// a number above
    /// 1 follows one that is stored already or comes before it in the list.</summary>
    /// <param name="rows">At least one row.</param>
    /// <param name="isolating">Whether a faulty row is being looked for, so that waiting for locks should be
    /// short.</param>
    Task AppendAsync(IReadOnlyList<AppendRow> rows, bool isolating);

    /// <summary>Says what a failure of <see cref="AppendAsync"/> means. Anything but
    /// <see cref="AppendFault.Unknown"/> promises that nothing was stored.</summary>
    AppendFault Classify(Exception exception);
}
