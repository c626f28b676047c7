namespace Ledger.Core;

/// <summary>Where an item stands in a request, so that a field of it can be named. The default is a request of one
/// item, whose fields have their own names.</summary>
/// <param name="List">The list that the item is in; null where there is none.</param>
/// <param name="Index">Its place, from 0.</param>
internal readonly record struct RequestPlace(string? List, int Index)
{
    /// <summary>The name of the item itself.</summary>
    public string Name => List is null ? "" : $"{List}[{Index}]";

    /// <summary>Names a field of the item.</summary>
    /// <param name="field">The field's own name.</param>
    public string Of(string field) => List is null ? field : $"{Name}.{field}";
}
