using Xunit.Abstractions;

namespace Ledger.EndToEnd.Tests.Support;

/// <summary>Begins with what takes longest, so that no processor is idle at the end. Only the order is said here: what
/// is not named runs all the same, after the rest.</summary>
public sealed class LongestFirst : ITestCollectionOrderer
{
    private static readonly string[] s_longest =
        [nameof(CrashTests), ClusterCollection.Name, nameof(BooksTests), nameof(IndexTests), nameof(VerdictTests)];

    /// <inheritdoc/>
    public IEnumerable<ITestCollection> OrderTestCollections(IEnumerable<ITestCollection> testCollections) =>
        testCollections.OrderBy(static collection =>
        {
            var place = Array.FindIndex(
                s_longest, name => collection.DisplayName.EndsWith(name, StringComparison.Ordinal));
            return place < 0 ? s_longest.Length : place;
        });
}
