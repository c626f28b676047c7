namespace Ledger.Actors.Remoting;

/// <summary>Which serializers an actor system with a ledger has.</summary>
internal static class SafeSerializers
{
    /// <summary>Puts ours in the place of those that make any type.</summary>
    public static string Hocon { get; } = $$"""
        akka.actor.serializers.json = "{{NameOf<RefusedJsonSerializer>()}}"
        """;

    /// <summary>The same of those that are there with Akka.Remote alone.</summary>
    public static string RemoteHocon { get; } = $$"""
        akka.actor.serializers.daemon-create = "{{NameOf<RefusedDeploymentSerializer>()}}"
        """;

    private static string NameOf<T>() => $"{typeof(T).FullName}, {typeof(T).Assembly.GetName().Name}";
}
