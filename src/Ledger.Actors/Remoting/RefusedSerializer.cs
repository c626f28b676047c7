using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Serialization;

namespace Ledger.Actors.Remoting;

/// <summary>Stands in the place of a serializer that makes whatever type a message names, and refuses both ways.
/// Each serializer is there under its number for whoever sends that number, whether or not anybody here uses it: a
/// peer, or a row of the database, would choose what is made.</summary>
internal abstract class RefusedSerializer(ExtendedActorSystem system) : Serializer(system)
{
    /// <summary>What it refuses, in words.</summary>
    protected abstract string What { get; }

    /// <inheritdoc/>
    public override bool IncludeManifest => false;

    /// <inheritdoc/>
    /// <exception cref="SerializationException">Always.</exception>
    public override byte[] ToBinary(object obj) => throw new SerializationException(
        $"{obj?.GetType().Name ?? "null"} can't be sent or stored: {What} is not used here. Bind its type to a "
        + "serializer of its own.");

    /// <inheritdoc/>
    /// <exception cref="SerializationException">Always.</exception>
    public override object FromBinary(byte[] bytes, Type? type) => throw new SerializationException(
        $"{bytes?.Length ?? 0} bytes were refused and not looked at: {What} is not used here, since it would make"
        + " whatever they name.");
}
