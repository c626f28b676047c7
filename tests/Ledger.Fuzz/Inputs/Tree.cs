using Google.Protobuf.Reflection;

namespace Ledger.Fuzz.Inputs;

/// <summary>A message before it has a form: its fields with their values, in any order and number.</summary>
/// <remarks>A value is a string, a bool, a long, a ulong (both also for enums), a double, bytes or a tree.</remarks>
internal sealed class Tree(MessageDescriptor type)
{
    public MessageDescriptor Type { get; } = type;

    /// <summary>The fields. One of a list stands as often as the list has items.</summary>
    public List<(FieldDescriptor Field, object Value)> Fields { get; } = [];

    /// <summary>The first value of a field; null where there is none.</summary>
    public object? this[string name] => Fields.Find(one => one.Field.Name == name).Value;

    /// <summary>Puts a field in.</summary>
    public void Add(FieldDescriptor field, object value) => Fields.Add((field, value));

    /// <summary>Puts a field in by its name, and takes out what it had.</summary>
    public void Set(string name, object value)
    {
        Remove(name);
        Add(Type.FindFieldByName(name), value);
    }

    public void Remove(string name) => Fields.RemoveAll(one => one.Field.Name == name);

    /// <summary>A copy that shares nothing with it.</summary>
    public Tree Copy()
    {
        var copy = new Tree(Type);
        foreach (var (field, value) in Fields)
        {
            copy.Add(field, value is Tree inner ? inner.Copy() : value);
        }

        return copy;
    }

    /// <summary>Every tree in it, itself first.</summary>
    public IEnumerable<Tree> All() =>
        Fields.Select(static one => one.Value).OfType<Tree>().SelectMany(static inner => inner.All()).Prepend(this);

    /// <summary>How many fields it has, with those of all that is in it.</summary>
    public int Count() => All().Sum(static one => one.Fields.Count);
}
