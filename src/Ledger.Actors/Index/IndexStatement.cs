using System.Globalization;

namespace Ledger.Actors.Index;

/// <summary>A statement to either database. Its parameters are <c>$1</c>, <c>$2</c> and so on; a value is a
/// <see cref="long"/>, a <see cref="string"/>, bytes, or a <see cref="TransferId"/>, which each database stores in
/// a way of its own. Not thread-safe.</summary>
internal sealed class IndexStatement
{
    private readonly List<object> values = [];

    /// <summary>The text.</summary>
    public string Sql { get; set; } = "";

    /// <summary>The values of the parameters, in their order.</summary>
    public IReadOnlyList<object> Values => values;

    /// <summary>Adds a value.</summary>
    /// <returns>The parameter that stands for it.</returns>
    public string Add(object value)
    {
        values.Add(value);
        return NameOf(values.Count - 1);
    }

    /// <summary>The name of a parameter.</summary>
    public static string NameOf(int place) => string.Create(CultureInfo.InvariantCulture, $"${place + 1}");
}
