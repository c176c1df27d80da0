import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Callable;
import org.sourcelab.kafka.connect.apiclient.Configuration;
import org.sourcelab.kafka.connect.apiclient.KafkaConnectClient;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorPluginConfigDefinition;
import org.sourcelab.kafka.connect.apiclient.request.dto.ConnectorStatus;
import org.sourcelab.kafka.connect.apiclient.request.dto.NewConnectorDefinition;
import org.sourcelab.kafka.connect.apiclient.request.post.PostConnectorRestart;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ConcurrentConfigModificationException;
import org.sourcelab.kafka.connect.apiclient.rest.exceptions.ResourceNotFoundException;

/** Drives a worker of Kafka Connect with SourceLab's client. Usage: Clients URL DIR; what does not hold is an exception. */
public final class Clients {
    private static final String NAME = "client-sourcelab";

    public static void main(String[] args) throws Exception {
        // New: connectors of earlier runs have left offsets.
        Path file = Path.of(args[1], "java-" + System.nanoTime() + ".txt");
        Files.writeString(file, "one\ntwo\n");
        Map<String, String> config = new HashMap<>(Map.of(
                "connector.class", "FileStreamSource", "tasks.max", "1", "file", file.toString(), "topic", "clients"));
        KafkaConnectClient c = new KafkaConnectClient(new Configuration(args[0]));

        expect(c.getConnectServerVersion().getKafkaClusterId() != null, "cluster id");
        expect(c.getConnectorPlugins().stream().anyMatch(p -> p.getClassName().endsWith("FileStreamSourceConnector")), "plugins");
        var found = c.validateConnectorPluginConfig(ConnectorPluginConfigDefinition.newBuilder()
                .withName("FileStreamSource").withConfig("connector.class", "FileStreamSource").withConfig("name", NAME).build());
        expect(found.getErrorCount() == 1 && found.getGroups().contains("Common"), "validation " + found);
        expect(found.getConfigs().stream().allMatch(k -> k.getDefinition().getDisplayName() != null), "definitions");

        NewConnectorDefinition definition = NewConnectorDefinition.newBuilder().withName(NAME).withConfig(config).build();
        expect(c.addConnector(definition).getName().equals(NAME), "create");
        try {
            c.addConnector(definition);
            throw new AssertionError("created twice");
        } catch (ConcurrentConfigModificationException e) {
            // what this client makes of 409
        }
        await(c, "RUNNING");
        expect(c.getConnectors().contains(NAME), "list");
        expect(c.getConnectorsWithExpandedStatus().getStatusForConnector(NAME).getConnector().get("state").equals("RUNNING"), "expand=status");
        expect(c.getConnectorsWithExpandedInfo().getDefinitionForConnector(NAME).getType().equals("source"), "expand=info");
        expect(c.getConnectorsWithAllExpandedMetadata().getConnectorNames().contains(NAME), "expand=info&expand=status");
        expect(c.getConnector(NAME).getTasks().size() == 1, "get");
        expect(c.getConnectorConfig(NAME).get("topic").equals("clients"), "config");
        expect(c.getConnectorTasks(NAME).iterator().next().getConfig().containsKey("task.class"), "tasks");
        expect(c.getConnectorTaskStatus(NAME, 0).getState().equals("RUNNING"), "task status");
        eventually(() -> c.getConnectorTopics(NAME).getTopics().contains("clients"), "topics");
        expect(c.resetConnectorTopics(NAME), "reset topics");
        expect(c.pauseConnector(NAME), "pause");
        await(c, "PAUSED");
        expect(c.resumeConnector(NAME), "resume");
        await(c, "RUNNING");
        expect(c.restartConnector(NAME), "restart");
        expect(c.restartConnector(new PostConnectorRestart(NAME).withIncludeTasks(true)), "restart all");
        await(c, "RUNNING");
        expect(c.restartConnectorTask(NAME, 0), "restart task");
        await(c, "RUNNING");
        config.put("batch.size", "9");
        expect(c.updateConnectorConfig(NAME, config).getConfig().get("batch.size").equals("9"), "update");
        expect(c.deleteConnector(NAME), "delete");
        try {
            c.getConnector(NAME);
            throw new AssertionError("still there");
        } catch (ResourceNotFoundException e) {
            expect(e.getMessage().contains("not found"), e.getMessage());
        }
        System.out.println("sourcelab ok");
    }

    private static void await(KafkaConnectClient c, String state) throws Exception {
        eventually(() -> {
            ConnectorStatus s = c.getConnectorStatus(NAME);
            return s.getConnector().get("state").equals(state) && s.getTasks().size() == 1 && s.getTasks().get(0).getState().equals(state);
        }, state);
    }

    private static void eventually(Callable<Boolean> check, String what) throws Exception {
        for (long end = System.nanoTime() + 20_000_000_000L; System.nanoTime() < end; Thread.sleep(50)) {
            try {
                if (check.call()) {
                    return;
                }
            } catch (ResourceNotFoundException e) {
                // as of a connector that was just created
            }
        }
        throw new AssertionError("not within 20 s: " + what);
    }

    private static void expect(boolean ok, String what) {
        if (!ok) {
            throw new AssertionError(what);
        }
    }
}
